'use strict';
// B33: connect again in the close listener
const net = require('node:net');
const { note, serve, watch } = require('../trace.js');

serve(2, {}, (socket) => socket.end('hi'), (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C', { data: true });
  socket.on('ready', () => note('C', '.bytesRead', socket.bytesRead));
  socket.once('close', () => {
    note('C', '.readyState', socket.readyState);
    note('C', '.bytesRead', socket.bytesRead);
    socket.connect(port, '127.0.0.1');
    note('C', '.readyState', socket.readyState);
  });
});
