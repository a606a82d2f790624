'use strict';
// B04: a name with two addresses, the first of which refuses
const net = require('node:net');
const { answering, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => socket.end(), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  socket.connect({ port, host: 'two.test', lookup: answering('::1', '127.0.0.1') });
  socket.on('ready', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
});
