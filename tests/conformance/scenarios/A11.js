'use strict';
// A11: one connection allowed, and a second client
const net = require('node:net');
const { namePort, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.maxConnections = 1;
let a;
server.on('connection', (socket) => {
  socket.resume();
  const b = watch(new net.Socket(), 'B', { data: true });
  b.on('connect', () => namePort(b.localPort, 'B'));
  b.on('close', () => {
    a.end();
    server.close();
  });
  b.connect(server.address().port, '127.0.0.1');
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  a = net.connect(port, '127.0.0.1');
});
