'use strict';
// A07: close twice, each time with a callback
const net = require('node:net');
const { cb, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen(0, '127.0.0.1', () => {
  server.close(cb('V', 'c1'));
  server.close(cb('V', 'c2'));
});
