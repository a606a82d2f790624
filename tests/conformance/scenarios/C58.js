'use strict';
// C58: destroySoon on a socket that was never connected
// deviation D-06: `close` has an argument
// - C close
// + C close false
const net = require('node:net');
const { note, watch } = require('../trace.js');

const socket = watch(new net.Socket(), 'C');
socket.destroySoon();
note('C', '.destroyed', socket.destroyed);
