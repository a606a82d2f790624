'use strict';
// P06: a refused connection
const net = require('node:net');
const { immediate, inOrder, refusedPort, tick, watch } = require('../trace.js');

inOrder();
refusedPort('V', (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C');
  socket.on('connectionAttemptFailed', () => {
    tick('tick');
    immediate('imm');
  });
});
