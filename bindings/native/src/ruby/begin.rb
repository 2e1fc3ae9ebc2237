# How the addon begins a program. Answers with nil at its end, or with one line that says why it could not begin. Gems are
# found as by the program `ruby`: with RUBYLIB, and RUBYOPT, in which `bundle exec` passes on its Gemfile.
lambda do |port, options|
  require 'treadle/native'
  Treadle::Native.main(port, options)
  nil
rescue Exception => e # rubocop:disable Lint/RescueException
  absent = e.is_a?(LoadError) && e.path == 'treadle/native'
  next 'the gem treadle is not there: install it, start with bundle exec, or put its lib into RUBYLIB' if absent

  words = e.message.split.join(' ')
  e.class.name.to_s.start_with?('Treadle::') ? words : "#{e.class}: #{words} (#{e.backtrace&.first})"
end
