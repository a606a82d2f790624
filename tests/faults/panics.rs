//! K: a panic destroys the object whose listener panicked; everything else goes on.
