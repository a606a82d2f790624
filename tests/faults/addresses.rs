//! G: an address with a zone is an address, wherever one comes in or goes out.
