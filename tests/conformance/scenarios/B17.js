'use strict';
// B17: connect, write twice, end and destroy in one go
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(0, {}, null, (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C');
  note('C', 'write a ->', socket.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', socket.write('b', cb('C', 'w2.cb')));
  socket.end(cb('C', 'end.cb'));
  socket.destroy();
});
