'use strict';
// B27: connect twice in one go
const net = require('node:net');
const { refusedPort, serve, watch } = require('../trace.js');

refusedPort('C', (localPort) => serve(0, {}, null, (port) => {
  const socket = watch(new net.Socket(), 'C');
  socket.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort });
  socket.connect({ port, host: '127.0.0.1' });
}));
