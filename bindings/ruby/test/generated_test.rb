# frozen_string_literal: true

require_relative 'test_helper'

class GeneratedTest < Minitest::Test
  ROOT = File.expand_path('..', __dir__)
  GENERATOR = File.join(ROOT, 'generate.rb')

  def test_the_code_of_the_wire_is_what_the_contract_says
    buf = File.join(ROOT, '..', '..', 'node_modules', '.bin', 'buf')
    skip 'only in the repository, with its node_modules' unless File.exist?(buf)
    said = IO.popen([RbConfig.ruby, GENERATOR, '--check'], err: %i[child out], &:read)
    assert_equal ['', true], [said, $?.success?]
  end

  def test_states_and_codes_are_those_of_the_engine
    errors = File.join(ROOT, '..', '..', 'core', 'errors.ts')
    skip 'only in the repository' unless File.exist?(errors)
    listed = File.read(errors)[/ERROR_CODES = \{(.*?)\} as const/m, 1]
    assert_equal listed.scan(/^ +(\w+):/).flatten, Treadle::CODES.keys
  end
end
