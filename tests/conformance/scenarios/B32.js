'use strict';
// B32: end a socket that was never connected
const net = require('node:net');
const { cb, note, settle, watch } = require('../trace.js');

const socket = watch(new net.Socket(), 'C');
socket.end(cb('C', 'end.cb'));
note('C', '.readyState', socket.readyState);
socket.on('finish', () => settle(() => {
  note('C', '.readyState', socket.readyState);
  note('C', '.destroyed', socket.destroyed);
}));
