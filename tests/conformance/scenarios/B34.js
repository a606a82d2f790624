'use strict';
// B34: connect again in the error listener
const net = require('node:net');
const { note, refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C');
  socket.once('error', () => {
    socket.connect(port, '127.0.0.1');
    note('C', '.readyState', socket.readyState);
  });
});
