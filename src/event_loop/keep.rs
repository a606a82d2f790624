//! Callbacks are taken out of their place for the call; this puts them back, also when they panic.

/// Calls with a value that was taken out of `host`, and gives it back to `keep` whatever happens.
pub(crate) fn call_and_keep<H, T, R>(
    host: &mut H,
    value: T,
    call: impl FnOnce(&mut H, &mut T) -> R,
    keep: impl FnOnce(&mut H, T),
) -> R {
    let mut taken = Taken { host, value: Some((value, keep)) };
    match &mut taken.value {
        Some((value, _)) => call(taken.host, value),
        None => unreachable!("it was put there two lines above"),
    }
}

struct Taken<'h, H, T, F: FnOnce(&mut H, T)> {
    host: &'h mut H,
    value: Option<(T, F)>,
}

impl<H, T, F: FnOnce(&mut H, T)> Drop for Taken<'_, H, T, F> {
    fn drop(&mut self) {
        if let Some((value, keep)) = self.value.take() {
            keep(self.host, value);
        }
    }
}
