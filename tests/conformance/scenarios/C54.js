'use strict';
// C54: destroy in the immediate after the attempt
const net = require('node:net');
const { serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  socket.on('connectionAttempt', () => setImmediate(() => socket.destroy()));
  socket.connect(port, '127.0.0.1');
});
