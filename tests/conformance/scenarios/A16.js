'use strict';
// A16: a signal that is aborted after listening
const net = require('node:net');
const { namePort, note, watch } = require('../trace.js');

const controller = new AbortController();
const server = watch(net.createServer(), 'V');
server.on('listening', () => {
  namePort(server.address().port, 'V');
  setImmediate(() => {
    controller.abort();
    note('V', '.listening', server.listening);
  });
});
server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal });
