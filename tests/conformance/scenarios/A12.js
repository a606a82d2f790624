'use strict';
// A12: no connections allowed, said as 0 and as -1
const net = require('node:net');
const { namePort, watch } = require('../trace.js');

for (const [max, v, c] of [[0, 'V', 'C'], [-1, 'W', 'D']]) {
  const server = watch(net.createServer(), v);
  server.maxConnections = max;
  server.on('drop', () => server.close());
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    namePort(port, v);
    const socket = watch(new net.Socket(), c, { data: true });
    socket.on('connect', () => namePort(socket.localPort, c));
    socket.connect(port, '127.0.0.1');
  });
}
