'use strict';
// B38: a write before connect, and a connect listener that was added after it
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(net.connect(port, '127.0.0.1'), 'C', { data: true });
  note('C', 'write pre ->', socket.write('pre', cb('C', 'pre.cb')));
  note('C', '.bytesWritten', socket.bytesWritten);
  socket.on('connect', () => {
    note('C', 'write post ->', socket.write('post', cb('C', 'post.cb')));
    socket.end();
  });
});
