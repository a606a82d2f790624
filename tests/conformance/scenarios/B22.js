'use strict';
// B22: connect from an address that is not ours
const net = require('node:net');
const { refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  watch(new net.Socket(), 'C').connect({ port, host: '127.0.0.1', localAddress: '198.51.100.7' });
});
