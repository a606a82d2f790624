'use strict';
// C36c: resetAndDestroy after end, in one go
// deviation Q-06: a reset, and close comes
// - C error EINVAL reset "reset EINVAL"
//   C end.cb ERR_STREAM_DESTROYED
// + C close false
// - S end
// - S finish
// - S close false
// + S error ECONNRESET read "read ECONNRESET"
// + S close true
const { cb, end, pair, settle } = require('../trace.js');

pair({}, (s, c) => {
  s.on('close', () => settle(end));
  c.end(cb('C', 'end.cb'));
  c.resetAndDestroy();
});
