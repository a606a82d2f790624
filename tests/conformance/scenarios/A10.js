'use strict';
// A10: close in the connection listener, then the peer ends
const net = require('node:net');
const { cb, namePort, note, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.on('connection', (socket) => {
  watch(socket, 'S', { data: true });
  server.close(cb('V', 'close.cb'));
  note('V', '.listening', server.listening);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  const c = watch(new net.Socket(), 'C', { data: true });
  c.connect(port, '127.0.0.1', () => c.end());
});
