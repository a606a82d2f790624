'use strict';
// C61: the encoding stays when the socket connects again
const net = require('node:net');
const { serve, watch } = require('../trace.js');

const answers = ['61e282', 'ac62e282ac'].map((hex) => Buffer.from(hex, 'hex'));
serve(2, {}, (socket) => socket.end(answers.shift()), (port) => {
  const socket = watch(new net.Socket(), 'C', { text: true });
  socket.setEncoding('utf8');
  socket.once('close', () => socket.connect(port, '127.0.0.1'));
  socket.connect(port, '127.0.0.1');
});
