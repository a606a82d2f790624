//! The events of the bytes: `data`, `text`, `end`, `drain`, `finish`, `pause`, `resume`.

use super::misrouted;
use crate::net::Socket;
use crate::net::emit::{Event, events};
use crate::net::outcome::Outcome;

impl<S> Socket<'_, S> {
    /// Bytes were read, at most the reactor's read buffer (64 KiB) at once; `chunk` is lent for the call. No write of
    /// the peer is kept together or apart.
    ///
    /// Mirrors `socket.on('data')`. In the poll phase, or on the tick of [`resume`](Self::resume) for what was
    /// buffered. Adding the first listener starts the flow on the next tick, unless the socket is paused.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with("hello");
    /// socket.on_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// # let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"hello");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_data<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &[u8], &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Data(chunk) => listener(socket, chunk, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::DATA, false, Box::new(call))
    }

    /// As [`on_data`](Self::on_data), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<u8>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with("hello");
    /// socket.once_data(|_, chunk, seen| seen.extend_from_slice(chunk));
    /// # let mut seen = Vec::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, b"hello");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_data<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &[u8], &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Data(chunk), Some(listener)) => listener(socket, chunk, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::DATA, true, Box::new(call))
    }

    /// Text was read, UTF-8 unless [`set_encoding`](Self::set_encoding) says otherwise; `text` is lent for the call. A character
    /// that is cut by the end of a chunk comes with the next one, or as U+FFFD before `end`.
    ///
    /// Mirrors `socket.on('data')` after `socket.setEncoding`. When `data` comes: all `data` listeners of a chunk have their
    /// turn first, with its bytes. A chunk that completes no character gives no text. Starts the flow as
    /// [`on_data`](Self::on_data) does.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<String>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with("5 €");
    /// socket.on_text(|_, text, seen| seen.push_str(text));
    /// # let mut seen = String::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, "5 €");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_text<R: Outcome>(
        &mut self,
        mut listener: impl FnMut(&mut Socket<'_, S>, &str, &mut S) -> R + 'static,
    ) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Text(text) => listener(socket, text, state).into_result(),
            other => misrouted(other),
        };
        self.decode_text();
        self.listen_to(events::TEXT, false, Box::new(call))
    }

    /// As [`on_text`](Self::on_text), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<String>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with("hello");
    /// socket.once_text(|_, text, seen| seen.push_str(text));
    /// # let mut seen = String::new();
    /// reactor.run(&mut seen)?;
    /// assert_eq!(seen, "hello");
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_text<R: Outcome>(
        &mut self,
        listener: impl FnOnce(&mut Socket<'_, S>, &str, &mut S) -> R + 'static,
    ) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Text(text), Some(listener)) => listener(socket, text, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.decode_text();
        self.listen_to(events::TEXT, true, Box::new(call))
    }

    /// The peer has ended its half, and all it sent was emitted. Comes on a paused socket too if nothing is buffered.
    /// Unless half-open is allowed, the socket then ends itself on the next tick.
    ///
    /// Mirrors `socket.on('end')`. On a tick.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end_with("hello");
    /// socket.on_data(|_, _, log| log.push("data")).on_end(|_, log| log.push("end"));
    /// # let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["data", "end"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_end<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::End => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::END, false, Box::new(call))
    }

    /// As [`on_end`](Self::on_end), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").end();
    /// socket.once_end(|_, count| *count += 1);
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_end<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::End, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::END, true, Box::new(call))
    }

    /// [`end`](Self::end) is carried out: all bytes and the FIN are with the kernel.
    ///
    /// Mirrors `socket.on('finish')`. On a tick of the pending phase, after the callbacks of `end`.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_finish(|_, log| log.push("finish"));
    /// socket.end_then("", |_, _, log| log.push("end's callback"));
    /// # let mut log = Vec::new();
    /// reactor.run(&mut log)?;
    /// assert_eq!(log, ["end's callback", "finish"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_finish<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Finish => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::FINISH, false, Box::new(call))
    }

    /// As [`on_finish`](Self::on_finish), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.once_finish(|_, count| *count += 1).end();
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_finish<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Finish, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::FINISH, true, Box::new(call))
    }

    /// The write queue is empty, after a `write` that returned false; not after `end`.
    ///
    /// Mirrors `socket.on('drain')`. In the poll phase, or on a tick if the kernel takes at once what was corked; before the
    /// callbacks of the writes that emptied it.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").resume();
    /// socket.on_drain(|socket, left| {
    ///     while *left > 0 {
    ///         *left -= 1;
    ///         if !socket.write([0; 4096]) { return; } // and go on at the next drain
    ///     }
    ///     socket.end();
    /// });
    /// socket.write_owned(vec![0; 1 << 20]);
    /// # let mut left = 1000;
    /// reactor.run(&mut left)?;
    /// assert_eq!(left, 0);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_drain<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Drain => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::DRAIN, false, Box::new(call))
    }

    /// As [`on_drain`](Self::on_drain), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// # socket.other(far).expect("just made").resume();
    /// if !socket.write_owned(vec![0; 1 << 20]) {
    ///     socket.once_drain(|socket, count| {
    ///         *count += 1;
    ///         socket.end();
    ///     });
    /// }
    /// # let mut count = 0;
    /// reactor.run(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_drain<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Drain, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::DRAIN, true, Box::new(call))
    }

    /// [`pause`](Self::pause) stopped the flow.
    ///
    /// Mirrors `socket.on('pause')`. On a tick (in Node inside the call).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_pause(|_, log| log.push("pause")).on_resume(|_, log| log.push("resume"));
    /// socket.pause();
    /// # let mut log = Vec::new();
    /// reactor.run_nowait(&mut log)?;
    /// assert_eq!(log, ["pause"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_pause<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Pause => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::PAUSE, false, Box::new(call))
    }

    /// As [`on_pause`](Self::on_pause), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.once_pause(|_, count| *count += 1).pause();
    /// # let mut count = 0;
    /// reactor.run_nowait(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_pause<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Pause, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::PAUSE, true, Box::new(call))
    }

    /// The flow begins.
    ///
    /// Mirrors `socket.on('resume')`. On the tick of [`resume`](Self::resume).
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<Vec<&str>>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.on_resume(|_, log| log.push("resume"));
    /// socket.resume();
    /// # let mut log = Vec::new();
    /// reactor.run_nowait(&mut log)?;
    /// assert_eq!(log, ["resume"]);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn on_resume<R: Outcome>(&mut self, mut listener: impl FnMut(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match *event {
            Event::Resume => listener(socket, state).into_result(),
            other => misrouted(other),
        };
        self.listen_to(events::RESUME, false, Box::new(call))
    }

    /// As [`on_resume`](Self::on_resume), for one call.
    ///
    /// ```
    /// # let mut reactor = netloop::Reactor::<u32>::new()?;
    /// # let (near, far) = reactor.socket_pair()?;
    /// # let mut socket = reactor.socket(near).expect("just made");
    /// socket.once_resume(|_, count| *count += 1).resume();
    /// # let mut count = 0;
    /// reactor.run_nowait(&mut count)?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), netloop::Error>(())
    /// ```
    pub fn once_resume<R: Outcome>(&mut self, listener: impl FnOnce(&mut Socket<'_, S>, &mut S) -> R + 'static) -> &mut Self {
        let mut listener = Some(listener);
        let call = move |socket: &mut Socket<'_, S>, event: &Event<'_>, state: &mut S| match (*event, listener.take()) {
            (Event::Resume, Some(listener)) => listener(socket, state).into_result(),
            (_, None) => Ok(()),
            (other, _) => misrouted(other),
        };
        self.listen_to(events::RESUME, true, Box::new(call))
    }
}
