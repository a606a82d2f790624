'use strict';
// C59: destroy at the first of several reads: into a buffer, and in the data listener
const net = require('node:net');
const { log, note, serve, watch } = require('../trace.js');

serve(2, {}, (socket) => socket.on('error', () => {}).end(Buffer.alloc(1 << 20)), (port) => {
  const callback = (count) => {
    log('B', `onread ${count}`);
    buffered.destroy();
    return true;
  };
  const buffered = watch(new net.Socket({ onread: { buffer: Buffer.alloc(4), callback } }), 'B');
  buffered.connect(port, '127.0.0.1');
  const socket = watch(new net.Socket(), 'C');
  socket.on('data', () => {
    log('C', 'data');
    socket.destroy();
    note('C', '.readableLength', socket.readableLength);
  });
  socket.connect(port, '127.0.0.1');
});
