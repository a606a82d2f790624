'use strict';
// B10: destroy in the listener of connectionAttemptTimeout (C) and of connectionAttemptFailed (D)
const net = require('node:net');
const { answering, blackHole, refusedPort, watch } = require('../trace.js');

const lookup = answering('127.0.0.1', '127.0.0.2');

blackHole('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect({ port, host: 'two.test', lookup, autoSelectFamilyAttemptTimeout: 50 });
  socket.on('connectionAttemptTimeout', () => socket.destroy());
});
refusedPort('W', (port) => {
  const socket = watch(new net.Socket(), 'D');
  socket.connect({ port, host: 'two.test', lookup });
  socket.on('connectionAttemptFailed', () => socket.destroy());
});
