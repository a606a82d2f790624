'use strict';
// B06: a name with many addresses: the families take turns, each address is tried once, and rubbish is not
// deviation D-52: the text that is no address
//   C lookup 127.0.0.2 4 many.test
// - C lookup bad 4 many.test
// + C lookup ERR_INVALID_IP_ADDRESS many.test
//   C lookup 127.0.0.4 5 many.test
// deviation D-53: such a family cannot be given
// - C lookup 127.0.0.4 5 many.test
//   C connectionAttempt 127.0.0.1 <V> 4
// deviation Q-30: the message names the attempts
// - C error ECONNREFUSED 4 errors ""
// + C error ECONNREFUSED 4 errors "connect ECONNREFUSED 127.0.0.1:<V>; connect ECONNREFUSED ::1:<V>; connect ECONNREFUSED 127.0.0.2:<V>; connect ECONNREFUSED 127.0.0.3:<V>"
//   C error.1 ECONNREFUSED connect 127.0.0.1 <V> "connect ECONNREFUSED 127.0.0.1:<V>"
const net = require('node:net');
const { note, refusedPort, watch } = require('../trace.js');

const answer = [
  ['127.0.0.1', 4], ['127.0.0.2', 4], ['127.0.0.3', 4], ['::1', 6], ['127.0.0.2', 4], ['bad', 4], ['127.0.0.4', 5],
].map(([address, family]) => ({ address, family }));

refusedPort('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect({ port, host: 'many.test', lookup: (host, options, callback) => process.nextTick(callback, null, answer) });
  socket.on('error', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
});
