//! O: what a program can make long is not walked for each of its parts; the tests count steps, not time.
