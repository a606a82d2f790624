'use strict';
// A09: close with one connection, which ends later
const net = require('node:net');
const { cb, namePort, note, settle, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
let s, c;
server.on('connection', (socket) => {
  s = watch(socket, 'S', { data: true });
  server.close(cb('V', 'close.cb'));
  note('V', '.listening', server.listening);
  server.getConnections((_, count) => note('V', 'connections', count));
  settle(() => c.end());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  c = watch(new net.Socket(), 'C', { data: true });
  c.connect(port, '127.0.0.1');
});
