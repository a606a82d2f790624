'use strict';
// B14: destroy before the lookup for all addresses has answered, with a write that waits
const net = require('node:net');
const { cb, note, settle, watch } = require('../trace.js');

let answer;
const socket = watch(new net.Socket(), 'C');
socket.connect({ port: 1, host: 'late.test', lookup: (host, options, callback) => (answer = callback) });
note('C', 'write a ->', socket.write('a', cb('C', 'w.cb')));
setImmediate(() => {
  socket.destroy();
  settle(() => answer(null, [{ address: '127.0.0.1', family: 4 }]));
});
