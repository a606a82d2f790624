'use strict';
// C57: connect, write and destroySoon in one go
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => watch(socket, 'S', { data: true }), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  socket.connect(port, '127.0.0.1');
  note('C', 'write q ->', socket.write('q', cb('C', 'w.cb')));
  socket.destroySoon();
  note('C', '.readyState', socket.readyState);
});
