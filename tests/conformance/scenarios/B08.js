'use strict';
// B08: a name with two addresses, the first of which does not answer in time, and the second refuses
// deviation Q-30: the message names the attempts
// - C error ETIMEDOUT 2 errors ""
// + C error ETIMEDOUT 2 errors "connect ETIMEDOUT 127.0.0.1:<V>; connect ECONNREFUSED 127.0.0.2:<V>"
//   C error.1 ETIMEDOUT connect 127.0.0.1 <V> "connect ETIMEDOUT 127.0.0.1:<V>"
const net = require('node:net');
const { answering, blackHole, note, watch } = require('../trace.js');

blackHole('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  const lookup = answering('127.0.0.1', '127.0.0.2');
  socket.connect({ port, host: 'two.test', lookup, autoSelectFamilyAttemptTimeout: 50 });
  socket.on('error', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
});
