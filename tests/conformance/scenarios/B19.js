'use strict';
// B19: end with data while connecting
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C', { data: true });
  socket.end('bye', cb('C', 'end.cb'));
  note('C', '.readyState', socket.readyState);
});
