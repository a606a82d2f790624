'use strict';
// C17: write after end while connecting, with a write before them
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(0, {}, null, (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect(port, '127.0.0.1');
  note('C', 'write a ->', socket.write('a', cb('C', 'w1.cb')));
  socket.end(cb('C', 'end.cb'));
  note('C', 'write b ->', socket.write('b', cb('C', 'w2.cb')));
});
