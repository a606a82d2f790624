'use strict';
// B07: a name with two addresses, the first of which does not answer in time
const net = require('node:net');
const { answering, blackHole, note, serve, watch } = require('../trace.js');

blackHole('V', (port) => {
  serve(1, { host: '127.0.0.2', port }, (socket) => socket.end(), () => {
    const socket = watch(new net.Socket(), 'C', { data: true });
    const lookup = answering('127.0.0.1', '127.0.0.2');
    socket.connect({ port, host: 'two.test', lookup, autoSelectFamilyAttemptTimeout: 50 });
    socket.on('ready', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
  });
});
