'use strict';
// C34: resetAndDestroy while it connects
const net = require('node:net');
const { note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  socket.connect(port, '127.0.0.1');
  socket.resetAndDestroy();
  note('C', '.destroyed', socket.destroyed);
});
