'use strict';
// B05: a name with two addresses that both refuse
// deviation Q-30: the message names the attempts
// - C error ECONNREFUSED 2 errors ""
// + C error ECONNREFUSED 2 errors "connect ECONNREFUSED 127.0.0.1:<V>; connect ECONNREFUSED ::1:<V>"
//   C error.1 ECONNREFUSED connect 127.0.0.1 <V> "connect ECONNREFUSED 127.0.0.1:<V>"
const net = require('node:net');
const { answering, note, refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect({ port, host: 'two.test', lookup: answering('127.0.0.1', '::1') });
  socket.on('error', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
});
