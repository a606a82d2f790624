'use strict';
// B18: two writes and an end that wait for a connect that is refused
const net = require('node:net');
const { cb, note, refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C');
  note('C', 'write a ->', socket.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', socket.write('b', cb('C', 'w2.cb')));
  socket.end(cb('C', 'end.cb'));
});
