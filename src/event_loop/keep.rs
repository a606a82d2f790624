//! Callbacks are taken out of their place for the call; this puts them back, also when they panic.

/// Calls with a value that was taken out of `host`, and gives it back to `keep` whatever happens.
pub(crate) fn call_and_keep<H, T, R>(
    host: &mut H,
    value: T,
    call: impl FnOnce(&mut H, &mut T) -> R,
    mut keep: impl FnMut(&mut H, T),
) -> R {
    let (result, value) = call_with(host, value, call, &mut keep);
    keep(host, value);
    result
}

/// Calls with a value that was taken out of `host`, and returns it; if the call panics, `rescue` gets it.
#[inline(always)]
pub(crate) fn call_with<H, T, R>(
    host: &mut H,
    value: T,
    call: impl FnOnce(&mut H, &mut T) -> R,
    rescue: impl FnMut(&mut H, T),
) -> (R, T) {
    let mut taken = Taken { host, value: Some(value), rescue };
    let result = taken.value.as_mut().map(|value| call(taken.host, value));
    match result.zip(taken.value.take()) {
        Some(done) => {
            // Nothing is left to rescue.
            std::mem::forget(taken);
            done
        }
        None => unreachable!("it was put there a few lines above"),
    }
}

struct Taken<'h, H, T, F: FnMut(&mut H, T)> {
    host: &'h mut H,
    value: Option<T>,
    rescue: F,
}

impl<H, T, F: FnMut(&mut H, T)> Drop for Taken<'_, H, T, F> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            (self.rescue)(self.host, value);
        }
    }
}
