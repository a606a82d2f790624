'use strict';
// B25: a name with two addresses, the first of which the socket's block list has
const net = require('node:net');
const { answering, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => socket.end(), (port) => {
  const blockList = new net.BlockList();
  blockList.addAddress('::1', 'ipv6');
  const socket = watch(new net.Socket({ blockList }), 'C', { data: true });
  socket.connect({ port, host: 'two.test', lookup: answering('::1', '127.0.0.1') });
  socket.on('ready', () => note('C', '.attempted', socket.autoSelectFamilyAttemptedAddresses.join()));
});
