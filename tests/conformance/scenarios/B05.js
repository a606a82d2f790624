'use strict';
// B05: a name with two addresses that both refuse
const net = require('node:net');
const { answering, note, refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect({ port, host: 'two.test', lookup: answering('127.0.0.1', '::1') });
  socket.on('error', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
});
