//! C: what a phase takes is what was there when it began, so that work which brings work starves nothing.
