'use strict';
// A08: close and listen again in the same tick
const net = require('node:net');
const { watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen(0, '127.0.0.1', () => {
  server.once('listening', () => setImmediate(() => server.close()));
  server.close();
  server.listen(0);
});
