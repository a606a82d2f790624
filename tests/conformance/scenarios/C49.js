'use strict';
// C49: what puts the idle timeout off: bytes read, bytes read while paused, a write
const net = require('node:net');
const { log, note, serve, watch } = require('../trace.js');

const IDLE = 400;
const accept = (socket) => {
  socket.on('error', () => {}).resume();
  setTimeout(() => socket.write('x'), IDLE / 2);
};
serve(3, {}, accept, (port) => {
  const connect = (name, connected) => {
    const socket = watch(new net.Socket(), name);
    socket.connect(port, '127.0.0.1', () => {
      socket.setTimeout(IDLE);
      // Begun at the same time, it comes first only if the other one has been put off.
      setTimeout(log, IDLE, name, 'timer');
      connected(socket);
    });
    socket.on('timeout', () => {
      note(name, '.bytesRead', socket.bytesRead);
      socket.destroy();
    });
  };
  connect('R', (socket) => socket.resume());
  connect('P', (socket) => setImmediate(() => socket.pause()));
  connect('W', (socket) => {
    socket.pause();
    setTimeout(() => note('W', 'write ->', socket.write('x')), IDLE / 2);
  });
});
