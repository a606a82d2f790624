'use strict';
// A02: listen at a used port, then at a free one
const net = require('node:net');
const { namePort, watch } = require('../trace.js');

const used = net.createServer().listen(0, '127.0.0.1', () => {
  const { port } = used.address();
  namePort(port, 'U');
  const server = watch(net.createServer(), 'V');
  server.on('error', () => setImmediate(() => server.listen(0, '127.0.0.1')));
  server.on('listening', () => {
    server.close();
    used.close();
  });
  server.listen(port, '127.0.0.1');
});
