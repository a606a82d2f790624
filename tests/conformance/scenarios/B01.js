'use strict';
// B01: connect to an address, with a callback
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => socket.end(), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  socket.connect(port, '127.0.0.1', cb('C', 'connect.cb'));
  note('C', '.readyState', socket.readyState);
});
