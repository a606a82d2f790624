//! `Server::shutdown`: connections end by themselves, or are cut off.

use std::time::Duration;

use netloop::{ManualClock, Reactor, ReactorOptions, ServerId, ShutdownReport, Socket, code};

#[derive(Default)]
struct World {
    server: Option<ServerId>,
    report: Option<ShutdownReport>,
    received: usize,
    refused: usize,
    errors: Vec<&'static str>,
}

fn echo(socket: &mut Socket<'_, World>, _: &mut World) {
    socket
        .on_data(|socket, chunk, _| {
            let room = socket.write_then(chunk, |_, result, world: &mut World| {
                if let Err(error) = result {
                    assert_eq!(error.code(), code::ERR_STREAM_WRITE_AFTER_END);
                    world.refused += 1;
                }
            });
            if !room {
                socket.pause();
            }
        })
        .on_drain(|socket, _| socket.resume())
        .on_error(|_, error, world| world.errors.push(error.code()));
}

fn serve(reactor: &mut Reactor<World>) -> (ServerId, u16) {
    let mut server = reactor.create_server(echo);
    let port = server.listen(([127, 0, 0, 1], 0)).port().expect("bound");
    (server.id(), port)
}

fn shut_down(reactor: &mut Reactor<World>, world: &mut World) {
    let id = world.server.expect("it listens");
    reactor.server(id).expect("it listens").shutdown(Duration::from_secs(60), |_, report, world| world.report = Some(report));
}

/// Under backpressure on both sides: what is queued arrives, and the connection ends by itself although it was paused.
#[test]
fn a_paused_connection_ends_by_itself() {
    let mut reactor = Reactor::new().expect("a reactor");
    let (server, port) = serve(&mut reactor);
    let mut world = World { server: Some(server), ..World::default() };
    let mut client = reactor.connect(([127, 0, 0, 1], port));
    client.write_owned(vec![7; 8 << 20]);
    client.end();
    client
        .once_data(|socket, _, world| shut_down(socket.reactor(), world))
        .on_data(|_, chunk, world| world.received += chunk.len())
        .on_error(|_, error, world| world.errors.push(error.code()));
    reactor.run(&mut world).expect("no error");
    let report = world.report.expect("it was reported");
    assert_eq!((report.ended, report.destroyed, world.errors), (1, 0, vec![]));
    assert!(world.received > 0 && world.refused > 0, "{} received, {} refused", world.received, world.refused);
}

/// A client that never ends is cut off when the time is over, and not before.
#[test]
fn a_client_that_stays_is_cut_off_after_the_grace() {
    let clock = ManualClock::new();
    let mut reactor = Reactor::with_options(ReactorOptions::new().clock(&clock)).expect("a reactor");
    let (server, port) = serve(&mut reactor);
    let mut world = World { server: Some(server), ..World::default() };
    let options = netloop::SocketOptions::new().allow_half_open(true);
    reactor.new_socket(options).connect(([127, 0, 0, 1], port)).on_end(|_, world: &mut World| world.received = 1).resume();
    while reactor.server(server).is_some_and(|server| server.connection_count() == 0) {
        reactor.run_once(&mut world).expect("no error");
    }
    shut_down(&mut reactor, &mut world);
    while world.received == 0 {
        reactor.run_once(&mut world).expect("no error");
    }
    assert_eq!(world.report, None);
    clock.advance(Duration::from_secs(60));
    while world.report.is_none() {
        reactor.run_nowait(&mut world).expect("no error");
    }
    let report = world.report.expect("it was reported");
    assert_eq!((report.ended, report.destroyed), (0, 1));
}
