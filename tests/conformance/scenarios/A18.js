'use strict';
// A18: close while the kernel holds a connection that is not accepted
const net = require('node:net');
const { namePort, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  const c = watch(new net.Socket(), 'C', { data: true });
  // The kernel has been asked when this tick comes, and the loop has not polled since.
  c.on('connectionAttempt', () => process.nextTick(() => server.close()));
  c.connect(port, '127.0.0.1');
});
