'use strict';
// A01: listen with a callback, later close with one
const net = require('node:net');
const { cb, namePort, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen(0, '127.0.0.1', () => {
  namePort(server.address().port, 'V');
  cb('V', 'listen.cb')();
  setImmediate(() => server.close(cb('V', 'close.cb')));
});
