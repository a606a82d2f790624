'use strict';
// B28: destroy in the connect listener
const net = require('node:net');
const { note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => socket.resume(), (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect(port, '127.0.0.1', () => {
    socket.destroy();
    note('C', '.readyState', socket.readyState);
  });
});
