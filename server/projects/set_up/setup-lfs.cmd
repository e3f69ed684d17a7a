@echo off
rem Sets this clone up for its large files (Git LFS): double-click it. What can be said behind it stands in setup-lfs.sh.
where git >nul 2>nul || (echo Install Git for Windows first: https://gitforwindows.org& pause& exit /b 1)
rem The shell is the one that Git for Windows brings, wherever that is.
git -C "%~dp0." -c "alias.setup-lfs=!sh setup-lfs.sh" setup-lfs %*
if "%~1"=="" pause
