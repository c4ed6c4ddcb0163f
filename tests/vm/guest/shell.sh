# SPDX-License-Identifier: GPL-2.0-only
# An interactive guest: the module is loaded, the terminal is yours.
. /bm/guest/lib.sh

stty -F /dev/ttyS1 sane
[ -z "$BM_size" ] || stty rows "${BM_size%x*}" cols "${BM_size#*x}" 2>/dev/null
modprobe busmaster && wait_for 5 [ -c /dev/busmaster0 ]
export TERM=linux PS1='busmaster:\w# ' pci
echo "$(attribute identity). Ctrl-a x leaves."
echo "Try: lspci -vs $pci; verify -n 500 -p 2; dd if=/dev/urandom of=/dev/busmaster0 bs=1M count=8"
cd /bm && setsid -c sh -i
