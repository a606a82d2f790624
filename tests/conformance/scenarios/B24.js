'use strict';
// B24: connect to an address that the socket's block list has
const net = require('node:net');
const { refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  const blockList = new net.BlockList();
  blockList.addAddress('127.0.0.1');
  watch(new net.Socket({ blockList }), 'C').connect(port, '127.0.0.1');
});
