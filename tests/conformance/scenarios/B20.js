'use strict';
// B20: a write before connect, and one in its listener
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C', { data: true });
  socket.on('connect', () => {
    note('C', 'write post ->', socket.write('post', cb('C', 'post.cb')));
    socket.end();
  });
  note('C', 'write pre ->', socket.write('pre', cb('C', 'pre.cb')));
  note('C', '.bytesWritten', socket.bytesWritten);
});
