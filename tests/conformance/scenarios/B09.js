'use strict';
// B09: destroy during the attempt at the first of two addresses, with a write that waits
const net = require('node:net');
const { answering, blackHole, cb, note, watch } = require('../trace.js');

blackHole('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect({ port, host: 'two.test', lookup: answering('127.0.0.1', '127.0.0.2') });
  note('C', 'write a ->', socket.write('a', cb('C', 'w.cb')));
  socket.on('connectionAttempt', () => setImmediate(() => socket.destroy()));
});
